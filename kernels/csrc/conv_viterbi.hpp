// Wrap-around Viterbi decoder of the tail-biting code, compiled once per instruction set.
//
// State = the last six bits, the newest in the least significant place. State j and j + 32 lead to 2j and 2j + 1;
// as all three polynomials have both end taps, the four branches of such a butterfly carry +-B_j, so that 32 branch
// metrics serve 64 states.
#include "conv.hpp"

namespace picocell::PICOCELL_NS {

constexpr int conv_lanes = PICOCELL_VECTOR_BYTES / 2;
constexpr int conv_groups = 32 / conv_lanes;  // vectors for half of the states
typedef int16_t ConvVec __attribute__((vector_size(PICOCELL_VECTOR_BYTES)));

// Two words in flight hide the latency of a step where the registers suffice.
constexpr int conv_interleave = PICOCELL_ISA_LEVEL >= 1 ? 2 : 1;

constexpr int conv_wrap = 48;  // steps before and after the k that count: eight constraint lengths

// Any state reaches any other in six steps, so metrics differ by 6 * 2 * 3 * 255 at most; sixteen steps add
// 16 * 3 * 255: together 21,420, far from wrapping.
constexpr int conv_llr_max = 255;
constexpr int conv_normalise = 16;

// Taps on the bits c(k-1)..c(k-6) of octal 133, 171, 165, c(k-1) in the least significant place; c(k) is in all three.
constexpr int conv_taps[3] = {0b110110, 0b100111, 0b101011};

struct ConvSigns {
    alignas(64) int16_t s[3][32];
};

// +1 where the branch of state j with input 0 carries a 0.
constexpr ConvSigns conv_make_signs() {
    ConvSigns t{};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 32; ++j) {
            int parity = 0;
            for (int b = 0; b < 6; ++b) parity ^= (conv_taps[i] & j) >> b & 1;
            t.s[i][j] = parity ? -1 : 1;
        }
    return t;
}
constexpr ConvSigns conv_signs = conv_make_signs();

// Branch metrics of one step: 32 of them.
struct alignas(64) ConvBranch {
    int16_t b[32];
};

// Branch metrics of a code word from sums of soft bits (3, k). Values are scaled down only where four times their mean
// is past the range, and what is then outside is clipped.
inline void conv_branches(const int32_t* soft, int k, int16_t* scaled, ConvBranch* out) {
    int64_t sum = 0;
    for (int i = 0; i < 3 * k; ++i) sum += std::abs(soft[i]);
    const float limit = std::max(float(conv_llr_max), 4.0f * float(sum) / float(3 * k));
    const float factor = float(conv_llr_max) / limit;
    for (int i = 0; i < 3 * k; ++i) {
        const float x = std::min(std::max(float(soft[i]), -limit), limit) * factor;
        scaled[i] = int16_t(int32_t(x + (x < 0 ? -0.5f : 0.5f)));
    }
    for (int t = 0; t < k; ++t) {
        const int16_t a = scaled[t], b = scaled[k + t], c = scaled[2 * k + t];
        for (int j = 0; j < 32; ++j)
            out[t].b[j] = int16_t(a * conv_signs.s[0][j] + b * conv_signs.s[1][j] + c * conv_signs.s[2][j]);
    }
}

template <size_t... I>
inline void conv_zip(ConvVec a, ConvVec b, ConvVec& low, ConvVec& high, std::index_sequence<I...>) {
    low = __builtin_shufflevector(a, b, int(I / 2 + (I % 2) * conv_lanes)...);
    high = __builtin_shufflevector(a, b, int(conv_lanes / 2 + I / 2 + (I % 2) * conv_lanes)...);
}

// Bit j of the result: a > b in lane j of the 32.
inline uint32_t conv_greater(const ConvVec* a, const ConvVec* b) {
#if PICOCELL_ISA_LEVEL == 2
    return _mm512_cmpgt_epi16_mask(__m512i(a[0]), __m512i(b[0]));
#elif PICOCELL_ISA_LEVEL == 1
    const __m256i both = _mm256_packs_epi16(__m256i(a[0] > b[0]), __m256i(a[1] > b[1]));
    return uint32_t(_mm256_movemask_epi8(_mm256_permute4x64_epi64(both, 0xd8)));
#elif defined(__x86_64__)
    const int low = _mm_movemask_epi8(_mm_packs_epi16(__m128i(a[0] > b[0]), __m128i(a[1] > b[1])));
    const int high = _mm_movemask_epi8(_mm_packs_epi16(__m128i(a[2] > b[2]), __m128i(a[3] > b[3])));
    return uint32_t(low) | uint32_t(high) << 16;
#else
    uint32_t mask = 0;
    for (int j = 0; j < 32; ++j)
        mask |= uint32_t(a[j / conv_lanes][j % conv_lanes] > b[j / conv_lanes][j % conv_lanes]) << j;
    return mask;
#endif
}

struct ConvMetrics {
    ConvVec m[2 * conv_groups];  // states in order

    // One step; returns whether state 2j (bit j) and 2j + 1 (bit j + 32) came from j + 32 rather than from j.
    inline uint64_t step(const ConvBranch& branch) {
        ConvVec p0[conv_groups], p1[conv_groups], q0[conv_groups], q1[conv_groups];
        for (int g = 0; g < conv_groups; ++g) {
            ConvVec b;
            std::memcpy(&b, branch.b + g * conv_lanes, sizeof b);
            p0[g] = m[g] + b;
            p1[g] = m[conv_groups + g] - b;
            q0[g] = m[g] - b;
            q1[g] = m[conv_groups + g] + b;
        }
        for (int g = 0; g < conv_groups; ++g) {
            const ConvVec even = p1[g] > p0[g] ? p1[g] : p0[g];
            const ConvVec odd = q1[g] > q0[g] ? q1[g] : q0[g];
            conv_zip(even, odd, m[2 * g], m[2 * g + 1], std::make_index_sequence<conv_lanes>{});
        }
        return conv_greater(p1, p0) | uint64_t{conv_greater(q1, q0)} << 32;
    }

    inline void normalise() {
        const int16_t reference = m[0][0];
        for (ConvVec& v : m) v -= reference;
    }

    inline int best() const {
        int16_t values[64];
        std::memcpy(values, m, sizeof values);
        return int(std::max_element(values, values + 64) - values);
    }
};

// Buffers of N words in flight.
template <int N>
struct ConvScratch {
    std::vector<ConvBranch> branch[N];
    std::vector<uint64_t> decisions;  // N of a step side by side
    std::vector<int16_t> scaled;

    explicit ConvScratch(int k_max) : decisions(size_t(N) * (k_max + conv_wrap)), scaled(3 * k_max) {
        for (auto& b : branch) b.resize(k_max);
    }
};

// Decodes N words together: they share the last step, and a shorter one begins later. What came of it before is thrown
// away, so that the result does not depend on the company.
template <int N>
void conv_viterbi(ConvScratch<N>& scratch, const int* k, uint8_t* const* bits) {
    const int k_max = *std::max_element(k, k + N);
    const int total = conv_wrap + k_max + conv_wrap;
    ConvMetrics metrics[N] = {};
    const ConvBranch* branch[N];
    int position[N] = {};
    for (int n = 0; n < N; ++n) branch[n] = scratch.branch[n].data();
    uint64_t* const decisions = scratch.decisions.data();
    for (int t = 0; t < total; ++t) {
        // The run-in's decisions are overwritten: the trace back ends before them.
        uint64_t* row = decisions + N * std::max(t - conv_wrap, 0);
        for (int n = 0; n < N; ++n) {
            if (t == k_max - k[n]) {
                metrics[n] = {};
                position[n] = (k[n] - conv_wrap % k[n]) % k[n];
            }
            row[n] = metrics[n].step(branch[n][position[n]]);
            position[n] = position[n] + 1 == k[n] ? 0 : position[n] + 1;
        }
        if (t % conv_normalise == conv_normalise - 1)
            for (int n = 0; n < N; ++n) metrics[n].normalise();
    }
    unsigned state[N];
    for (int n = 0; n < N; ++n) state[n] = unsigned(metrics[n].best());
    const auto back = [&](int t, int n) {
        const unsigned place = state[n] >> 1 | (state[n] & 1) << 5;
        state[n] = (state[n] >> 1) | unsigned(decisions[N * t + n] >> place & 1) << 5;
    };
    for (int t = k_max + conv_wrap - 1; t >= k_max; --t)
        for (int n = 0; n < N; ++n) back(t, n);
    for (int t = k_max - 1; t >= 0; --t)
        for (int n = 0; n < N; ++n) {
            const int i = t - (k_max - k[n]);
            if (i >= 0) bits[n][i] = state[n] & 1;
            back(t, n);
        }
}

}  // namespace picocell::PICOCELL_NS
