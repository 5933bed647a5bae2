// Received LLRs to the decoder's: repeated ones summed, brought to one scale, in the order of the coded bits.
#pragma once

namespace picocell::PICOCELL_NS {

// Of one size for every instruction set, so that sums come in one order.
constexpr int polar_load_width = 16;
typedef float PolarFloats __attribute__((vector_size(64), may_alias));
typedef int32_t PolarInts __attribute__((vector_size(64), may_alias));

// Mean magnitude that the decoder is given: sums of many saturate at low rates, rounding harms at high ones.
inline float polar_mean_llr(const PolarCode& code) { return 7 + 16.0f * code.k / code.n; }

// NaN says nothing about a bit; the bound keeps sums of infinities finite.
inline float polar_sane(float x) { return x != x ? 0 : std::min(std::max(x, -1e30f), 1e30f); }
inline float polar_sane(int8_t x) { return x; }
inline float polar_sane(int16_t x) { return x; }

// Sums what was received of each bit of y.
template <class T>
void polar_gather(const PolarCode& code, const T* llr, float* y) {
    const int n = code.n, received = std::min(code.e, n);
    std::memset(y, 0, n * sizeof(float));
    float* first = y + polar_first_sent(code);
    if (code.i_bil) {
        for (int i = 0; i < code.e; ++i) first[code.sent[i] & (n - 1)] += polar_sane(llr[i]);
        return;
    }
    for (int i = 0; i < received; ++i) first[i] = polar_sane(llr[i]);
    for (int i = n; i < code.e; i += n) {
        const int part = std::min(n, code.e - i);
        for (int j = 0; j < part; ++j) y[j] += polar_sane(llr[i + j]);
    }
}

// Scales, rounds and limits to 127. False where nothing was received.
inline bool polar_quantise(const float* y, int n, float mean, int received, int8_t* out) {
    PolarFloats sum{};
    for (int i = 0; i < n; i += polar_load_width) {
        const PolarFloats x = *reinterpret_cast<const PolarFloats*>(y + i);
        sum += x < 0 ? -x : x;
    }
    float total = 0;
    for (int i = 0; i < polar_load_width; ++i) total += sum[i];
    const float scale = total > 1e-30f ? mean * received / total : 0;
    constexpr float magic = 12582912;  // 1.5 * 2^23: adding it rounds, and leaves the integer in the low bits
    for (int i = 0; i < n; i += polar_load_width) {
        PolarFloats x = *reinterpret_cast<const PolarFloats*>(y + i) * scale;
        x = x < 127.0f ? x : PolarFloats{} + 127.0f;
        x = x > -127.0f ? x : PolarFloats{} - 127.0f;
        typedef int8_t Narrow __attribute__((vector_size(polar_load_width), may_alias));
        const Narrow low = __builtin_convertvector((PolarInts)(x + magic), Narrow);
        std::memcpy(out + i, &low, sizeof low);
    }
    return scale > 0;
}

// LLRs of the n coded bits, of one block of e. False where nothing was received.
inline bool polar_load(const PolarCode& code, int kind, const void* llr, int8_t* out) {
    alignas(64) float y[polar_max_n];
    alignas(64) int8_t ordered[polar_max_n];
    if (kind == polar_int8)
        polar_gather(code, static_cast<const int8_t*>(llr), y);
    else if (kind == polar_int16)
        polar_gather(code, static_cast<const int16_t*>(llr), y);
    else
        polar_gather(code, static_cast<const float*>(llr), y);
    const bool some = polar_quantise(y, code.n, polar_mean_llr(code), std::min(code.e, code.n), ordered);
    if (code.match == polar_shorten) std::memset(ordered + code.e, 127, code.n - code.e);  // known to be 0
    polar_sub_blocks<true>(code, ordered, out);
    return some;
}

}  // namespace picocell::PICOCELL_NS
