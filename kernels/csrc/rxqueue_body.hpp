// Timed samples between a thread that takes them from a device as they come and one that works on them, and the calls
// of a device's C interface, none of which needs the interpreter.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

namespace rxqueue {

// Signatures of the C interface of SoapySDR 0.7 and 0.8: device, stream, and so on.
using ReadStream = int (*)(void*, void*, void* const*, std::size_t, int*, long long*, long);
using WriteStream = int (*)(void*, void*, const void* const*, std::size_t, int*, long long, long);
using ReadStatus = int (*)(void*, void*, std::size_t*, int*, long long*, long);

enum : int { kEnd = 1 << 1, kHasTime = 1 << 2, kTimeout = -1, kOverflow = -4, kTimeError = -6, kUnderflow = -7 };
constexpr int kStatusEvery = 8;  // reads from one look at what the transmitter tells to the next: it is only counted
constexpr std::size_t kMostChannels = 16;
constexpr long long kMostTicks = 1LL << 56;  // of a time, either way: sums of some still fit
constexpr long long kMostIndex = 1LL << 60;

inline long long ticks(long long ns, double rate) {
    const long double most = kMostTicks;
    return std::llrint(std::min(std::max(static_cast<long double>(ns) * rate / 1e9L, -most), most));
}
inline long long nanoseconds(long long tick, double rate) { return std::llrint(static_cast<long double>(tick) * 1e9L / rate); }

struct Counts {
    std::uint64_t overflows = 0, silences = 0, lost = 0, late = 0, underflows = 0;
};

struct Run {  // samples that follow on one another
    long long index;
    long long n;
};

class Queue {
public:
    Queue(std::size_t channels, long long capacity, long long step)
        : channels_(channels), capacity_(capacity), step_(step), data_(2 * channels * static_cast<std::size_t>(capacity)) {}

    // Samples to read next: up to the one that somebody waits for, or whole steps from it.
    long long wanted() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::min(to_phase(), std::max(room(), 1LL));
    }

    // Put what was read behind what waits, and wait until there is room for what is to be read next: were it a whole
    // step, who waits for as much as the queue holds would wait for ever.
    void put(const float* samples, std::size_t stride, long long n, bool has_time, long long time, bool overflow) {
        std::unique_lock<std::mutex> lock(mutex_);
        counts_.overflows += overflow;
        if (!n) {
            counts_.silences += !overflow;
            return;
        }
        if (!known_) {
            origin_ = has_time ? time : 0;
            known_ = true;
        }
        long long index = has_time ? time - origin_ : newest_;
        if (index < newest_ || index > kMostIndex) {  // the device's count began anew, or is nonsense
            origin_ += index - newest_;
            index = newest_;
        }
        if (begun_) counts_.lost += static_cast<std::uint64_t>(std::max(index, 0LL) - std::max(newest_, 0LL));
        newest_ = index + n;
        newest_at_ = Clock::now();
        if (begun_ && newest_ > 0) {
            const long long skip = std::max(-index, 0LL);
            keep(samples + 2 * skip, stride, n - skip, index + skip);
        }
        changed_.notify_all();
        changed_.wait(lock, [this] { return stopped_ || room() >= to_phase(); });
    }

    // Read from a device until the queue is stopped (0), or the device is lost: what it answered.
    int run(ReadStream read, ReadStatus status, void* device, void* rx, void* tx, double rate, long timeout_us) {
        std::vector<float> memory(2 * channels_ * static_cast<std::size_t>(step_));
        void* rows[kMostChannels];
        for (std::uint64_t reads = 1; !stopped(); ++reads) {
            const long long n = wanted();
            for (std::size_t c = 0; c < channels_; ++c) rows[c] = memory.data() + 2 * c * static_cast<std::size_t>(step_);
            int flags = 0;
            long long ns = 0;
            const int got = read(device, rx, rows, static_cast<std::size_t>(n), &flags, &ns, timeout_us);
            if (got < 0 && got != kTimeout && got != kOverflow) return got;
            const bool has_time = got > 0 && flags & kHasTime;
            const long long came = std::min<long long>(std::max(got, 0), n);  // no more than there is memory for
            put(memory.data(), static_cast<std::size_t>(step_), came, has_time, has_time ? ticks(ns, rate) : 0, got == kOverflow);
            if (tx && reads % kStatusEvery == 0) hear(status, device, tx);
        }
        return 0;
    }

    // The time at which the device is: sample 0 will be `lead` from now, and what was before is let go.
    void begin(long long lead) {
        const std::lock_guard<std::mutex> lock(mutex_);
        runs_.clear();
        waiting_ = 0;
        origin_ += newest_ + lead;
        newest_ = -lead;
        begun_ = true;
        changed_.notify_all();
    }

    // A device that was lost is back, and gives the sample of a time now: time has passed as this machine's clock says.
    void resume(bool has_time, long long time, double rate) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!known_) return;  // the first samples settle everything
        const auto now = Clock::now();
        const double since = std::chrono::duration<double>(now - newest_at_).count();
        const long long passed = std::llrint(std::min(since * rate, static_cast<double>(kMostTicks)));
        if (has_time) {
            origin_ = time - newest_ - passed;
            return;
        }
        if (begun_) counts_.lost += static_cast<std::uint64_t>(std::max(newest_ + passed, 0LL) - std::max(newest_, 0LL));
        newest_ += passed;  // what comes next has no time of its own
        newest_at_ = now;
        changed_.notify_all();
    }

    // At most n samples, none behind a gap, into rows; how many. None where they did not come in time, or at a stop.
    long long take(float* out, long long n, double timeout_s, long long* index) {
        std::unique_lock<std::mutex> lock(mutex_);
        const auto ready = [&] { return stopped_ || woken_ || at_hand() >= n || gap(); };
        if (!ready()) {
            phase_ = next() + n;
            changed_.notify_all();  // less room may do for the next read
        }
        const bool came = changed_.wait_until(lock, until(timeout_s), ready);
        *index = next();
        if (!came || !n || runs_.empty() || stopped_ || woken_) return came ? 0 : -1;
        Run& run = runs_.front();
        const long long most = std::min(n, run.n), at = taken_ % capacity_, first = std::min(most, capacity_ - at);
        for (std::size_t c = 0; c < channels_; ++c) {
            const float* row = data_.data() + 2 * c * static_cast<std::size_t>(capacity_);
            float* to = out + 2 * c * static_cast<std::size_t>(n);
            std::memcpy(to, row + 2 * at, 8 * static_cast<std::size_t>(first));
            std::memcpy(to + 2 * first, row, 8 * static_cast<std::size_t>(most - first));
        }
        *index = run.index;
        taken_ += most;
        waiting_ -= most;
        run.index += most;
        run.n -= most;
        if (!run.n) runs_.pop_front();
        changed_.notify_all();
        return most;
    }

    // Nobody waits here any more; or whoever waits to take is to look up, for as long as `woken`.
    void stop() { set(stopped_, true); }
    void wake(bool woken) { set(woken_, woken); }

    bool stopped() { return look(stopped_); }
    bool known() { return look(known_); }
    bool begun() { return look(begun_); }
    long long newest() { return look(newest_); }
    long long waiting() { return look(waiting_); }
    long long origin() { return look(origin_); }
    Counts counts() { return look(counts_); }

    // Whether the device has given its first samples; waits for them.
    bool wait_known(double timeout_s) {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_until(lock, until(timeout_s), [this] { return known_ || stopped_ || woken_; });
        return known_;
    }

private:
    using Clock = std::chrono::steady_clock;

    // The time of some seconds from now, none before it and none that the clock's count does not hold.
    static Clock::time_point until(double seconds) {
        const std::chrono::duration<double> limit(std::min(std::max(seconds, 0.0), 1e6));
        return Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
    }

    template <class T>
    T look(const T& value) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return value;
    }

    void set(bool& flag, bool value) {
        const std::lock_guard<std::mutex> lock(mutex_);
        flag = value;
        changed_.notify_all();
    }

    long long at_hand() const { return runs_.empty() ? 0 : runs_.front().n; }
    long long next() const { return runs_.empty() ? std::max(newest_, 0LL) : runs_.front().index; }
    bool gap() const { return !runs_.empty() && runs_.front().index + runs_.front().n != newest_; }
    long long room() const { return capacity_ - waiting_; }

    // Samples up to the one at which a read is to end.
    long long to_phase() const {
        const long long past = (newest_ - phase_) % step_;
        return step_ - (past < 0 ? past + step_ : past);
    }

    // There is room: whoever puts has waited for it. More than that, of a caller who did not, is lost.
    void keep(const float* samples, std::size_t stride, long long n, long long index) {
        counts_.lost += static_cast<std::uint64_t>(std::max(n - room(), 0LL));
        n = std::min(n, room());
        if (n <= 0) return;
        const long long at = (taken_ + waiting_) % capacity_, first = std::min(n, capacity_ - at);
        for (std::size_t c = 0; c < channels_; ++c) {
            float* row = data_.data() + 2 * c * static_cast<std::size_t>(capacity_);
            std::memcpy(row + 2 * at, samples + 2 * c * stride, 8 * static_cast<std::size_t>(first));
            std::memcpy(row, samples + 2 * (c * stride + static_cast<std::size_t>(first)), 8 * static_cast<std::size_t>(n - first));
        }
        waiting_ += n;
        if (!runs_.empty() && runs_.back().index + runs_.back().n == index) runs_.back().n += n;
        else runs_.push_back({index, n});
    }

    void hear(ReadStatus status, void* device, void* tx) {
        for (int more = 64; more; --more) {
            std::size_t mask = 0;
            int flags = 0;
            long long ns = 0;
            const int told = status(device, tx, &mask, &flags, &ns, 0);
            if (told != kTimeError && told != kUnderflow) return;
            const std::lock_guard<std::mutex> lock(mutex_);
            ++(told == kTimeError ? counts_.late : counts_.underflows);
        }
    }

    const std::size_t channels_;
    const long long capacity_, step_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<float> data_;
    std::deque<Run> runs_;
    Counts counts_;
    Clock::time_point newest_at_{};
    long long taken_ = 0, waiting_ = 0;
    long long origin_ = 0;  // the device's time of sample 0
    long long newest_ = 0;  // index behind the last sample that the device gave
    long long phase_ = 0;   // index at which reads end, or whole steps from it
    bool known_ = false, begun_ = false, stopped_ = false, woken_ = false;
};

// Send rows of complex64; how many the device took, or what it answered.
inline int write(WriteStream write_stream, void* device, void* stream, const float* samples, std::size_t channels,
                 std::size_t n, bool timed, long long time, double rate, bool end, long timeout_us) {
    const void* rows[kMostChannels];
    for (std::size_t c = 0; c < channels; ++c) rows[c] = samples + 2 * c * n;
    int flags = (timed ? kHasTime : 0) | (end ? kEnd : 0);
    return write_stream(device, stream, rows, n, &flags, timed ? nanoseconds(time, rate) : 0, timeout_us);
}

}  // namespace rxqueue
