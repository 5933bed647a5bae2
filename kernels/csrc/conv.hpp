// Tail-biting convolutional code, rate 1/3, 64 states: TS 36.212 5.1.3.1, and its rate matching, 5.1.4.2.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int conv_min_k = 6;     // the register is initialised with the last six bits
constexpr int conv_max_k = 1024;  // bounds the tables of one call
constexpr int conv_max_batch = 512;  // candidates of one call of the kernel
constexpr int conv_max_e = 1 << 19;  // so that 32 bits hold the sum of all repeats

struct ConvOps {
    // bits (k) to d (3, k).
    void (*encode)(const uint8_t* bits, int k, uint8_t* d);
    // d (3, k) to e bits.
    void (*rate_match)(const uint8_t* d, int k, size_t e, uint8_t* out);
    // e soft bits to (3, k) sums of their repeats, saturated; 0 where nothing was sent.
    void (*rate_recover)(const int16_t* llr, size_t e, int k, int16_t* d);
    // n code words of soft bits (3, k) to n rows of k bits.
    void (*decode)(const int16_t* llr, size_t n, int k, uint8_t* bits);
    // n <= conv_max_batch candidates: soft bits llr[start .. start + length) to k bits in rows of k_max (the rest 0),
    // CRC remainder, quality. With wanted only those are kept, row after row, whose remainder is one of its two; found
    // tells which, and their number is returned.
    size_t (*search)(const int16_t* llr, const int32_t* starts, const int32_t* lengths, const int32_t* ks, size_t n,
                     int k_max, const int32_t* wanted, int32_t* found, uint8_t* bits, uint16_t* crc, float* quality);
    // Sums of the soft bits that agree with the code word of some bits less those that do not, over each half of n.
    void (*halves)(const int16_t* llr, size_t n, const uint8_t* bits, int k, int64_t* halves);
};

const ConvOps& conv_ops_base();
const ConvOps& conv_ops_avx2();
const ConvOps& conv_ops_avx512();

inline const ConvOps& conv_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return conv_ops_avx512();
    if (isa == 1) return conv_ops_avx2();
#endif
    (void)isa;
    return conv_ops_base();
}

}  // namespace picocell
