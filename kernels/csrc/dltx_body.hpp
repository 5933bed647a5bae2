// Body of the downlink transmission kernel, compiled once per instruction set.
#include "dltx.hpp"

#include "conv.hpp"
#include "conv_body.hpp"
#include "crc_body.hpp"
#include "modem_body.hpp"

#include "dltx_map.hpp"

namespace picocell::PICOCELL_NS {

constexpr size_t dltx_chunk = 192;  // symbols: of any q_m a whole number of scrambling words

inline bool dltx_inside(const DltxGrid& grid) {
    uint32_t largest = 0;
    for (size_t i = 0; i < grid.n_index; ++i) largest = std::max(largest, uint32_t(grid.index[i]));
    return !grid.n_index || largest < grid.n;
}

inline void dltx_put(const DltxGrid& grid, int port, size_t i, float re, float im) {
    float* to = grid.elements + 2 * (size_t(port) * grid.n + size_t(grid.index[i]));
    to[0] = re;
    to[1] = im;
}

// A pair of symbols on ports `port` and `port` + `step`.
inline void dltx_pair(const DltxGrid& grid, int port, int step, size_t i, const float* x) {
    constexpr float half_root = 0.70710678118654752440f;
    const float a = x[0] * half_root, b = x[1] * half_root, c = x[2] * half_root, d = x[3] * half_root;
    dltx_put(grid, port, i, a, b);
    dltx_put(grid, port, i + 1, c, d);
    dltx_put(grid, port + step, i, -c, d);
    dltx_put(grid, port + step, i + 1, a, -b);
}

constexpr size_t dltx_run = 8;

// Whether eight elements follow each other, as nearly all do.
inline bool dltx_side_by_side(const int32_t* index) {
    int32_t apart = 0;
    for (size_t j = 0; j < dltx_run; ++j) apart |= index[j] ^ (index[0] + static_cast<int32_t>(j));
    return !apart;
}

// Symbols x of the elements from `first` on.
inline void dltx_map(const DltxGrid& grid, const float* x, size_t first, size_t end) {
    if (grid.n_ports == 1) {
        size_t i = first;
        for (; i + dltx_run <= end; i += dltx_run, x += 2 * dltx_run) {
            if (dltx_side_by_side(grid.index + i)) {
                std::memcpy(grid.elements + 2 * size_t(grid.index[i]), x, 2 * dltx_run * sizeof(float));
            } else {
                for (size_t j = 0; j < dltx_run; ++j) dltx_put(grid, 0, i + j, x[2 * j], x[2 * j + 1]);
            }
        }
        for (; i < end; ++i, x += 2) dltx_put(grid, 0, i, x[0], x[1]);
    } else if (grid.n_ports == 2) {
        for (size_t i = first; i < end; i += 2, x += 4) dltx_pair(grid, 0, 1, i, x);
    } else {
        for (size_t i = first; i < end; i += 2, x += 4) {
            const int on = i / 2 % 2;  // ports 0 and 2 carry the first pair of each quadruple, ports 1 and 3 the second
            dltx_pair(grid, on, 2, i, x);
            for (int port = 1 - on; port < 4; port += 2) {
                dltx_put(grid, port, i, 0, 0);
                dltx_put(grid, port, i + 1, 0, 0);
            }
        }
    }
}

// Symbols of one chunk after the other, as `make` gives them, to the grid.
template <class Make>
bool dltx_chunks(const float* amplitude, const DltxGrid& grid, const Make& make) {
    if (!dltx_inside(grid)) return false;
    alignas(64) float x[2 * dltx_chunk];
    for (size_t first = 0; first < grid.n_index; first += dltx_chunk) {
        const size_t end = std::min(first + dltx_chunk, grid.n_index);
        make(first, end, x);
        for (size_t i = first; amplitude && i < end; ++i) {
            x[2 * (i - first)] *= amplitude[i];
            x[2 * (i - first) + 1] *= amplitude[i];
        }
        dltx_map(grid, x, first, end);
    }
    return true;
}

bool dltx_shared(const uint8_t* bits, int q_m, const uint64_t* scrambling, const float* amplitude,
                 const DltxGrid& grid) {
    return dltx_chunks(amplitude, grid, [=](size_t first, size_t end, float* x) {
        const size_t at = first * q_m;
        modem_modulate(bits + at, end - first, q_m, scrambling + at / 64, x);
    });
}

bool dltx_shared_packed(const uint64_t* words, int q_m, const uint64_t* scrambling, const float* amplitude,
                        const DltxGrid& grid) {
    return dltx_chunks(amplitude, grid, [=](size_t first, size_t end, float* x) {
        uint64_t scrambled[dltx_chunk * 8 / 64 + 1];
        const size_t at = first * q_m / 64, n = (end * q_m + 63) / 64 - at;
        for (size_t i = 0; i < n; ++i) scrambled[i] = words[at + i] ^ scrambling[at + i];
        dltx_symbols(reinterpret_cast<const uint8_t*>(scrambled), q_m, (end - first + 7) / 8, x);
    });
}

bool dltx_control(const DltxMessage* messages, size_t n, const uint64_t* scrambling, const DltxGrid& grid) {
    static thread_local std::vector<uint8_t> stream;
    static thread_local std::vector<float> symbols, amplitude;
    if (!dltx_inside(grid)) return false;
    const size_t n_cce = grid.n_index / dltx_cce_symbols;
    stream.assign(2 * grid.n_index, 0);
    symbols.resize(2 * grid.n_index);
    amplitude.assign(n_cce, 0.0f);
    for (const DltxMessage* m = messages; m < messages + n; ++m) {
        uint8_t word[dltx_max_bits + 16], coded[3 * (dltx_max_bits + 16)];
        std::memcpy(word, m->bits, m->n_bits);
        const uint32_t parity = crc_bits(crc16_kind, m->bits, m->n_bits) ^ uint32_t(m->mask);
        for (int i = 0; i < 16; ++i) word[m->n_bits + i] = parity >> (15 - i) & 1;
        conv_encode(word, m->n_bits + 16, coded);
        constexpr size_t cce_bits = 2 * dltx_cce_symbols;
        conv_rate_match(coded, m->n_bits + 16, cce_bits * m->n_cce, stream.data() + cce_bits * m->first_cce);
        std::fill_n(amplitude.data() + m->first_cce, m->n_cce, m->amplitude);
    }
    modem_modulate(stream.data(), grid.n_index, 2, scrambling, symbols.data());
    for (size_t c = 0; c < n_cce; ++c) {
        float* x = symbols.data() + 2 * dltx_cce_symbols * c;
        for (int i = 0; i < 2 * dltx_cce_symbols; ++i) x[i] *= amplitude[c];
    }
    dltx_map(grid, symbols.data(), 0, grid.n_index);
    return true;
}

const DltxOps dltx_table{dltx_shared, dltx_shared_packed, dltx_control};

}  // namespace picocell::PICOCELL_NS
