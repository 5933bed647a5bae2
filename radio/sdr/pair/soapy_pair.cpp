// A SoapySDR device without hardware: what one end sends, the other end receives, in real time.
//
// Two processes open driver=picopair with the same name= and end=a, end=b. The time is this machine's monotonic clock;
// with pace=lock it is that of who receives more slowly, and nobody is ever late. delay= is in samples, loss= in dB,
// noise= in dBFS. play=FILE with datatype=cf32_le or ci16_le receives a recording in a loop in place of the other end,
// loop=1 what the end itself sends, as with a cable from its transmitter to its receiver. Faults are
// asked for in the shared memory /dev/shm/picopair-NAME (see Faults; times are CLOCK_MONOTONIC in ns).
#include <SoapySDR/Device.hpp>
#include <SoapySDR/Registry.hpp>
#include <SoapySDR/Time.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <complex>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <random>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

using Sample = std::complex<float>;
constexpr long long kCapacity = 1 << 20, kBlock = 128, kBlocks = kCapacity / kBlock, kNoise = 1 << 16;
constexpr size_t kChannels = 2, kMtu = 1 << 16;
constexpr double kBufferS = 0.05;  // what the receiver holds before it overflows
// By how much one end may be before the other with pace=lock. With the 2 ms that wait in a process it is less than the
// 3 ms from the end of subframe n to the start of n + 4: an answer always comes before it is received.
constexpr double kLockS = 0.0005;

struct Faults {
    std::atomic<long long> skip_samples, late_blocks, silent_until, gone_until;
};

// What one end sends. A block whose stamp is not its number is silence.
struct Direction {
    std::atomic<long long> stamps[kBlocks];
    Sample samples[kChannels][kCapacity];
};

struct Shared {
    Faults faults[2];
    std::atomic<long long> epoch;  // ns; 0: nobody was here before
    std::atomic<long long> received[2];  // with pace=lock: up to where
    std::atomic<pid_t> pids[2];
    Direction directions[2];
};

long long now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void sleep_until(long long ns) {
    const timespec t{ns / 1000000000LL, ns % 1000000000LL};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

std::string get(const SoapySDR::Kwargs &args, const char *key, const char *otherwise) {
    const auto found = args.find(key);
    return found == args.end() ? otherwise : found->second;
}

double number(const SoapySDR::Kwargs &args, const std::string &key, double low, double high, const char *unit) {
    const std::string text = get(args, key.c_str(), "0");
    char *end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end || !(low <= value && value <= high))
        throw std::runtime_error(key + " is not allowed: " + unit);
    return value;
}

class Pair final : public SoapySDR::Device {
public:
    explicit Pair(const SoapySDR::Kwargs &args)
        : end_(get(args, "end", "a") == "b"),
          delay_(static_cast<long long>(number(args, "delay", 0, kCapacity / 4, "0 to 262144 samples"))) {
        const std::string end = get(args, "end", "a"), path = "/picopair-" + get(args, "name", "pair");
        if (end != "a" && end != "b") throw std::runtime_error("end=" + end + " is not allowed: a or b");
        const std::string pace = get(args, "pace", "real");
        if (pace != "real" && pace != "lock") throw std::runtime_error("pace=" + pace + " is not allowed: real or lock");
        locked_ = pace == "lock";
        const std::string loop = get(args, "loop", "0");
        if (loop != "0" && loop != "1") throw std::runtime_error("loop=" + loop + " is not allowed: 0 or 1");
        heard_ = loop == "1" ? end_ : !end_;
        amplitude_ = static_cast<float>(std::pow(10, -number(args, "loss", 0, 200, "0 to 200 dB") / 20));
        if (args.count("noise")) make_noise(number(args, "noise", -200, 0, "-200 to 0 dBFS"));
        if (args.count("play")) load(args.at("play"), get(args, "datatype", "cf32_le"));
        const int file = shm_open(path.c_str(), O_RDWR | O_CREAT, 0600);
        if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) throw std::runtime_error("shared memory " + path + " cannot be had");
        void *at = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (at == MAP_FAILED) throw std::runtime_error("shared memory " + path + " cannot be had");
        shared_ = static_cast<Shared *>(at);
        long long none = 0;
        shared_->epoch.compare_exchange_strong(none, now_ns() - 1000000000LL);
        if (gone()) {
            munmap(shared_, sizeof(Shared));
            throw std::runtime_error("the device is not there");
        }
    }
    ~Pair() override { munmap(shared_, sizeof(Shared)); }

    std::string getDriverKey() const override { return "picopair"; }
    std::string getHardwareKey() const override { return "pair"; }
    size_t getNumChannels(const int) const override { return kChannels; }
    bool getFullDuplex(const int, const size_t) const override { return true; }
    std::vector<std::string> listAntennas(const int direction, const size_t) const override {
        return {direction == SOAPY_SDR_RX ? "RX" : "TX"};
    }
    std::string getAntenna(const int direction, const size_t) const override { return direction == SOAPY_SDR_RX ? "RX" : "TX"; }
    std::vector<std::string> listGains(const int, const size_t) const override { return {"PGA"}; }
    void setGain(const int direction, const size_t, const std::string &, const double value) override { gain_[direction] = value; }
    double getGain(const int direction, const size_t, const std::string &) const override { return gain_[direction]; }
    SoapySDR::Range getGainRange(const int, const size_t, const std::string &) const override { return {0, 60}; }
    void setFrequency(const int direction, const size_t, const std::string &, const double value, const SoapySDR::Kwargs &) override {
        frequency_[direction] = value;
    }
    double getFrequency(const int direction, const size_t, const std::string &) const override { return frequency_[direction]; }
    std::vector<std::string> listFrequencies(const int, const size_t) const override { return {"RF"}; }
    SoapySDR::RangeList getFrequencyRange(const int, const size_t, const std::string &) const override { return {{0, 6e9}}; }
    void setSampleRate(const int, const size_t, const double rate) override { rate_ = rate; }
    double getSampleRate(const int, const size_t) const override { return rate_; }
    SoapySDR::RangeList getSampleRateRange(const int, const size_t) const override { return {{1e5, 61.44e6}}; }
    std::vector<std::string> listClockSources() const override { return {"internal", "external"}; }
    void setClockSource(const std::string &source) override { clock_ = source; }
    std::string getClockSource() const override { return clock_; }
    std::vector<std::string> listTimeSources() const override { return {"internal", "external"}; }
    void setTimeSource(const std::string &source) override { pulse_ = source; }
    std::string getTimeSource() const override { return pulse_; }
    bool hasHardwareTime(const std::string &) const override { return true; }
    long long getHardwareTime(const std::string &) const override { return SoapySDR::ticksToTimeNs(ticks(), rate_); }

    std::vector<std::string> getStreamFormats(const int, const size_t) const override { return {"CF32"}; }
    std::string getNativeStreamFormat(const int, const size_t, double &full_scale) const override { return full_scale = 1, "CF32"; }
    size_t getStreamMTU(SoapySDR::Stream *) const override { return kMtu; }
    SoapySDR::Stream *setupStream(const int direction, const std::string &format, const std::vector<size_t> &channels, const SoapySDR::Kwargs &) override {
        if (format != "CF32") throw std::runtime_error("format " + format + " is not allowed: CF32");
        n_channels_[direction] = std::max<size_t>(channels.size(), 1);
        return reinterpret_cast<SoapySDR::Stream *>(&n_channels_[direction]);
    }
    void closeStream(SoapySDR::Stream *) override {}
    int activateStream(SoapySDR::Stream *stream, const int, const long long, const size_t) override {
        if (!is_rx(stream)) {  // what was sent before, perhaps at another rate, is of the past
            for (auto &stamp : shared_->directions[end_].stamps) stamp = -1;
            return 0;
        }
        next_rx_ = locked_ ? (other_is_there() ? shared_->received[!end_].load() : 0) : ticks();
        shared_->received[end_] = next_rx_.load();
        shared_->pids[end_] = getpid();
        return 0;
    }
    int deactivateStream(SoapySDR::Stream *stream, const int, const long long) override {
        if (is_rx(stream)) shared_->pids[end_] = 0;
        return 0;
    }

    int readStream(SoapySDR::Stream *, void *const *buffers, const size_t wanted, int &flags, long long &time_ns, const long timeout_us) override {
        const long long until = now_ns() + 1000LL * timeout_us;
        long long n = static_cast<long long>(std::min(wanted, kMtu));
        Faults &faults = shared_->faults[end_];
        if (gone()) return SOAPY_SDR_STREAM_ERROR;
        if (const long long quiet = faults.silent_until; now_ns() < quiet) return sleep_until(std::min(quiet, until)), SOAPY_SDR_TIMEOUT;
        const long long skipped = faults.skip_samples.exchange(0);
        if (skipped > 0 || ticks() - next_rx_ > kBufferS * rate_) {
            shared_->received[end_] = next_rx_ = skipped > 0 ? next_rx_ + skipped : ticks();
            return SOAPY_SDR_OVERFLOW;
        }
        if (locked_) {
            const auto lock = static_cast<long long>(kLockS * rate_);
            for (long long room; other_is_there(); sleep_until(now_ns() + 50000)) {
                room = shared_->received[!end_] + lock - next_rx_;
                if (room >= std::min(n, lock)) {  // so it is for one of the two at any time
                    n = std::min(n, room);
                    break;
                }
                if (now_ns() >= until) return SOAPY_SDR_TIMEOUT;
            }
        }
        const long long there = locked_ ? 0 : at_ns(next_rx_ + n);
        if (there > until) return sleep_until(until), SOAPY_SDR_TIMEOUT;
        sleep_until(there);
        for (size_t c = 0; c < n_channels_[SOAPY_SDR_RX]; ++c) receive(static_cast<Sample *>(buffers[c]), c, n);
        flags = SOAPY_SDR_HAS_TIME;
        time_ns = SoapySDR::ticksToTimeNs(next_rx_, rate_);
        shared_->received[end_] = next_rx_ += n;
        return static_cast<int>(n);
    }

    int writeStream(SoapySDR::Stream *, const void *const *buffers, const size_t n, int &flags, const long long time_ns, const long timeout_us) override {
        if (gone()) return SOAPY_SDR_STREAM_ERROR;
        const std::lock_guard<std::mutex> lock(mutex_);
        if (flags & SOAPY_SDR_HAS_TIME) next_tx_ = SoapySDR::timeNsToTicks(time_ns, rate_);
        else look_for_underflow();
        std::atomic<long long> &late = shared_->faults[end_].late_blocks;
        if (next_tx_ < ticks() || late > 0) {
            late -= late > 0;
            events_.push_back(SOAPY_SDR_TIME_ERROR);
            in_burst_ = false;
            return static_cast<int>(n);
        }
        if (const long long room = at_ns(next_tx_ + static_cast<long long>(n) - kCapacity / 2); !locked_ && room > now_ns()) {
            sleep_until(std::min(room, now_ns() + 1000LL * timeout_us));
            if (now_ns() < room) return SOAPY_SDR_TIMEOUT;
        }
        send(buffers, static_cast<long long>(n));
        next_tx_ += static_cast<long long>(n);
        in_burst_ = !(flags & SOAPY_SDR_END_BURST);
        return static_cast<int>(n);
    }

    int readStreamStatus(SoapySDR::Stream *stream, size_t &, int &, long long &, const long timeout_us) override {
        if (is_rx(stream)) return SOAPY_SDR_NOT_SUPPORTED;
        for (const long long until = now_ns() + 1000LL * timeout_us;; sleep_until(now_ns() + 1000000)) {
            const std::lock_guard<std::mutex> lock(mutex_);
            look_for_underflow();
            if (!events_.empty()) {
                const int event = events_.front();
                return events_.pop_front(), event;
            }
            if (now_ns() >= until) return SOAPY_SDR_TIMEOUT;
        }
    }

private:
    bool is_rx(SoapySDR::Stream *stream) const { return reinterpret_cast<size_t *>(stream) == &n_channels_[SOAPY_SDR_RX]; }
    bool gone() const { return now_ns() < shared_->faults[end_].gone_until; }
    bool other_is_there() const {
        const pid_t pid = shared_->pids[!end_];
        return pid && (kill(pid, 0) == 0 || errno == EPERM);
    }
    long long ticks() const { return locked_ ? next_rx_.load() : SoapySDR::timeNsToTicks(now_ns() - shared_->epoch, rate_); }
    long long at_ns(long long tick) const { return shared_->epoch + SoapySDR::ticksToTimeNs(tick, rate_); }

    void look_for_underflow() {
        if (in_burst_ && ticks() > next_tx_) {
            events_.push_back(SOAPY_SDR_UNDERFLOW);
            in_burst_ = false;
        }
    }

    void load(const std::string &path, const std::string &datatype) {
        std::ifstream file(path, std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        if (datatype == "cf32_le") {
            played_.resize(bytes.size() / sizeof(Sample));
            std::memcpy(played_.data(), bytes.data(), played_.size() * sizeof(Sample));
        } else if (datatype == "ci16_le") {
            for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
                int16_t value[2];
                std::memcpy(value, bytes.data() + i, 4);
                played_.emplace_back(value[0] / 32768.0f, value[1] / 32768.0f);
            }
        } else throw std::runtime_error("datatype=" + datatype + " is not allowed: cf32_le or ci16_le");
        if (played_.empty()) throw std::runtime_error("play=" + path + " cannot be read");
    }

    // Complex Gaussian samples, which are received from anywhere in them: of their own for each end and process.
    void make_noise(double dbfs) {
        noise_.resize(kNoise);
        std::mt19937 random(static_cast<unsigned>(2 * getpid() + end_));
        std::normal_distribution<float> normal(0, static_cast<float>(std::pow(10, dbfs / 20) * std::sqrt(0.5)));
        for (Sample &sample : noise_) sample = {normal(random), normal(random)};
        pick_.seed(random());
    }

    void receive(Sample *out, size_t channel, long long n) {
        const Direction &from = shared_->directions[heard_];
        for (long long i = 0, at = next_rx_ - delay_; i < n;) {
            const long long block = at / kBlock, count = std::min(n - i, (block + 1) * kBlock - at);
            if (!played_.empty())
                for (long long k = 0; k < count; ++k) out[i + k] = played_[static_cast<size_t>(at + k) % played_.size()];
            else if (at >= 0 && from.stamps[block % kBlocks].load(std::memory_order_acquire) == block)
                std::copy_n(&from.samples[channel][at % kCapacity], count, out + i);
            else std::fill_n(out + i, count, Sample());
            i += count, at += count;
        }
        if (amplitude_ != 1)
            for (long long i = 0; i < n; ++i) out[i] *= amplitude_;
        if (noise_.empty()) return;
        for (size_t i = 0, at = pick_(); i < static_cast<size_t>(n); ++i) out[i] += noise_[(at + i) % kNoise];
    }

    void send(const void *const *buffers, long long n) {
        Direction &to = shared_->directions[end_];
        for (long long i = 0, at = next_tx_; i < n;) {
            const long long block = at / kBlock, count = std::min(n - i, (block + 1) * kBlock - at), first = block * kBlock % kCapacity;
            const bool is_new = to.stamps[block % kBlocks].load(std::memory_order_relaxed) != block;
            for (size_t c = 0; c < kChannels; ++c) {
                if (is_new) std::fill_n(&to.samples[c][first], kBlock, Sample());
                if (c < n_channels_[SOAPY_SDR_TX]) std::copy_n(static_cast<const Sample *>(buffers[c]) + i, count, &to.samples[c][at % kCapacity]);
            }
            to.stamps[block % kBlocks].store(block, std::memory_order_release);
            i += count, at += count;
        }
    }

    const int end_;
    int heard_ = 0;  // the end whose samples are received
    const long long delay_;
    float amplitude_ = 1;
    std::vector<Sample> noise_;
    std::minstd_rand pick_;
    Shared *shared_ = nullptr;
    std::vector<Sample> played_;
    double rate_ = 1.92e6, gain_[2] = {0, 0}, frequency_[2] = {0, 0};
    std::string clock_ = "internal", pulse_ = "internal";
    size_t n_channels_[2] = {1, 1};
    std::atomic<long long> next_rx_{0};
    long long next_tx_ = 0;
    bool locked_ = false;
    bool in_burst_ = false;
    std::deque<int> events_;
    std::mutex mutex_;
};

SoapySDR::KwargsList find(const SoapySDR::Kwargs &args) {
    if (!args.count("driver") && !args.count("name")) return {};  // only for those who ask for it
    SoapySDR::Kwargs found = args;
    found["driver"] = "picopair";
    found["label"] = "a pair of radios in memory, " + get(args, "name", "pair");
    return {found};
}

SoapySDR::Device *make(const SoapySDR::Kwargs &args) { return new Pair(args); }

const SoapySDR::Registry registry("picopair", &find, &make, SOAPY_SDR_ABI_VERSION);

}  // namespace
