// A ring of samples between two processes: one writes, one reads. Counters are absolute and only grow; whoever publishes
// one does so after the samples it is about, and a process that goes to sleep says so before it looks a last time.
#pragma once

#include <cstdint>
#include <cstring>

namespace shmring {

// Counters that different processes write stand on lines of the cache of their own.
struct Header {
    char fixed[128];                                 // what the caller keeps there
    alignas(64) std::uint64_t written;               // by the writer
    alignas(64) std::uint64_t read;                  // by the reader
    alignas(64) std::uint32_t waiting;               // what the writer sleeps for; cleared by the reader
};
static_assert(sizeof(Header) <= 4096, "the header is a page");

inline std::uint64_t load(const std::uint64_t* counter) { return __atomic_load_n(counter, __ATOMIC_ACQUIRE); }

inline void publish(std::uint64_t* counter, std::uint64_t value) { __atomic_store_n(counter, value, __ATOMIC_RELEASE); }

// Copy complex64 in; n is at most the capacity.
inline void put(float* ring, std::uint64_t capacity, std::uint64_t at, const float* samples, std::uint64_t n) {
    const std::uint64_t start = at % capacity, first = n < capacity - start ? n : capacity - start;
    std::memcpy(ring + 2 * start, samples, 8 * first);
    std::memcpy(ring, samples + 2 * first, 8 * (n - first));
}

inline void put_zeros(float* ring, std::uint64_t capacity, std::uint64_t at, std::uint64_t n) {
    const std::uint64_t start = at % capacity, first = n < capacity - start ? n : capacity - start;
    std::memset(ring + 2 * start, 0, 8 * first);
    std::memset(ring, 0, 8 * (n - first));
}

// Copy words out; whether all of the floats that they are were finite.
inline bool copy_finite(std::uint32_t* out, const std::uint32_t* in, std::uint64_t words) {
    std::uint32_t bad = 0;
    for (std::uint64_t i = 0; i < words; ++i) {
        const std::uint32_t word = in[i];
        out[i] = word;
        bad |= (word & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
    }
    return bad == 0;
}

// Copy complex64 out; samples that are not finite become zero. How many those were.
inline std::uint64_t get(float* out, const float* ring, std::uint64_t capacity, std::uint64_t at, std::uint64_t n) {
    const std::uint64_t start = at % capacity, first = n < capacity - start ? n : capacity - start;
    auto* to = reinterpret_cast<std::uint32_t*>(out);
    const auto* from = reinterpret_cast<const std::uint32_t*>(ring);
    bool fine = copy_finite(to, from + 2 * start, 2 * first);
    fine = copy_finite(to + 2 * first, from, 2 * (n - first)) && fine;
    if (fine) return 0;
    std::uint64_t bad = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const bool real = (to[2 * i] & 0x7f800000u) == 0x7f800000u, imag = (to[2 * i + 1] & 0x7f800000u) == 0x7f800000u;
        if (real || imag) {
            to[2 * i] = to[2 * i + 1] = 0;
            ++bad;
        }
    }
    return bad;
}

// The two halves of going to sleep without missing a call: both sides order what they wrote before what they look at.
inline void announce(std::uint32_t* waiting, std::uint32_t what) { __atomic_store_n(waiting, what, __ATOMIC_SEQ_CST); __atomic_thread_fence(__ATOMIC_SEQ_CST); }

inline bool claim(std::uint32_t* waiting, std::uint32_t what) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(__atomic_load_n(waiting, __ATOMIC_RELAXED) & what)) return false;
    return (__atomic_exchange_n(waiting, 0u, __ATOMIC_SEQ_CST) & what) != 0;
}

}  // namespace shmring
