// Body of the modem kernel, compiled once per instruction set.
#include "modem_demap.hpp"
#include "modem_map.hpp"

namespace picocell::PICOCELL_NS {

void modem_modulate(const uint8_t* bits, size_t n, int q_m, const uint64_t* scrambling, float* symbols) {
    switch (q_m) {
        case 1: return map_symbols<1>(bits, n, scrambling, symbols);
        case 2: return map_symbols<2>(bits, n, scrambling, symbols);
        case 4: return map_symbols<4>(bits, n, scrambling, symbols);
        case 6: return map_symbols<6>(bits, n, scrambling, symbols);
        default: return map_symbols<8>(bits, n, scrambling, symbols);
    }
}

void modem_demodulate(const float* symbols, const float* noise, bool per_symbol, size_t n, int q_m,
                      const uint64_t* scrambling, int16_t* llr) {
    switch (q_m) {
        case 1: return demap_bpsk(symbols, noise, per_symbol, n, scrambling, llr);
        case 2: return demap_symbols<1>(symbols, noise, per_symbol, n, scrambling, llr);
        case 4: return demap_symbols<2>(symbols, noise, per_symbol, n, scrambling, llr);
        case 6: return demap_symbols<3>(symbols, noise, per_symbol, n, scrambling, llr);
        default: return demap_symbols<4>(symbols, noise, per_symbol, n, scrambling, llr);
    }
}

const ModemOps modem_table{modem_modulate, modem_demodulate};

}  // namespace picocell::PICOCELL_NS
