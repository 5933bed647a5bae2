// Body of the spatial multiplexing kernel, compiled once per instruction set.
#include "mimo_joint.hpp"

namespace picocell::PICOCELL_NS {

template <int L>
void mimo_precode_layers(const MimoPrecoding& p, const float* x, float* grid) {
    MimoWeights<L> weights;
    MimoPlane d[L], sum;
    const bool steady = !p.which && mimo_chunk % p.n_precoders == 0;
    for (size_t start = 0; start < p.n_re; start += mimo_chunk) {
        const size_t n = std::min(mimo_chunk, p.n_re - start);
        if (start == 0 || !steady) weights.fill(p, start, n);
        for (int l = 0; l < L; ++l) {
            const float* from = x + 2 * (l * p.n_re + start);
            for (size_t i = 0; i < n; ++i) {
                d[l].re[i] = from[2 * i];
                d[l].im[i] = from[2 * i + 1];
            }
        }
        for (size_t port = 0; port < p.n_ports; ++port) {
            std::memset(&sum, 0, sizeof sum);
            for (int l = 0; l < L; ++l) mimo_multiply(weights.w[port][l], d[l], n, sum);
            float* to = grid + 2 * port * p.n_grid;
            for (size_t i = 0; i < n; ++i) {
                float* element = to + 2 * static_cast<size_t>(p.index[start + i]);
                element[0] = sum.re[i];
                element[1] = sum.im[i];
            }
        }
    }
}

void mimo_precode(const MimoPrecoding& p, const float* x, float* grid) {
    switch (p.n_layers) {
        case 1: return mimo_precode_layers<1>(p, x, grid);
        case 2: return mimo_precode_layers<2>(p, x, grid);
        case 3: return mimo_precode_layers<3>(p, x, grid);
        default: return mimo_precode_layers<4>(p, x, grid);
    }
}

void mimo_descramble(int16_t* llr, size_t n, const uint64_t* scrambling) {
    for (size_t i = 0; i < n; i += 64) {
        const uint64_t word = scrambling[i / 64];
        const size_t count = std::min<size_t>(64, n - i);
        for (size_t k = 0; k < count; ++k) {
            const int16_t mask = static_cast<int16_t>(-static_cast<int>(word >> k & 1u));
            llr[i + k] = static_cast<int16_t>((llr[i + k] ^ mask) - mask);
        }
    }
}

uint32_t mimo_largest(const int32_t* index, size_t n) {
    uint32_t largest = 0;
    for (size_t i = 0; i < n; ++i) largest = std::max(largest, static_cast<uint32_t>(index[i]));
    return largest;
}

const MimoOps mimo_table{mimo_mmse, mimo_joint, mimo_precode, mimo_descramble, mimo_largest};

}  // namespace picocell::PICOCELL_NS
