// The control region of a downlink subframe in one go: PCFICH, PDCCH and PHICH from grid and channel estimate
// (TS 36.211 6.7-6.9).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr size_t control_cce = 36;     // QPSK symbols of a control channel element
constexpr size_t control_cfi_bits = 32;
constexpr size_t control_unit = 12;    // symbols of a PHICH mapping unit

// The PDCCHs under one CFI.
struct ControlRegion {
    size_t n_cce;
    const int32_t* index;  // (n_cce, 36) resource elements
};

struct ControlPlan {
    size_t n_ports, n_grid, n_cfis;
    const int32_t* pcfich;          // (16,) resource elements
    const uint8_t* codewords;       // (n_cfis, 32)
    uint64_t pcfich_scrambling;     // first bit least significant
    const uint64_t* scrambling;     // of the PDCCHs
    const ControlRegion* regions;   // (n_cfis,)
    float silent_power, silent_noise;  // a CCE below power + noise factor * its noise is silent
    size_t n_units;
    const int32_t* phich;           // (n_units, 12) resource elements
    size_t n_sf;                    // spreading factor of the PHICH
};

struct ControlCfi {
    size_t best;       // which of the CFIs
    int64_t agreement; // of its code word with the soft bits
    int64_t total;     // sum of the soft bits' magnitudes
};

struct ControlOps {
    // y (n_rx, n_grid), h (n_rx, n_ports, n_grid), interleaved complex.
    void (*cfi)(const ControlPlan& plan, const float* y, const float* h, size_t n_rx, float noise, ControlCfi& out);
    // llr (n_cce, 72), energy and noise of each CCE (n_cce,), and whether it is silent.
    void (*pdcch)(const ControlPlan& plan, size_t region, const float* y, const float* h, size_t n_rx, float noise,
                  int16_t* llr, float* energy, float* cce_noise, uint8_t* silent);
    // De-spread amplitude (n,), positive for ACK, and its power over that of its noise, of n PHICHs: the mapping unit of
    // each, and what a zero looks like there (n, 12).
    void (*phich)(const ControlPlan& plan, const float* y, const float* h, size_t n_rx, float noise, size_t n,
                  const int32_t* units, const float* replicas, float* metric, float* snr);
};

const ControlOps& control_ops_base();
const ControlOps& control_ops_avx2();
const ControlOps& control_ops_avx512();

inline const ControlOps& control_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return control_ops_avx512();
    if (isa == 1) return control_ops_avx2();
#endif
    (void)isa;
    return control_ops_base();
}

}  // namespace picocell
