// Which instruction set the machine has. Each kernel picks its table of functions with this number, at import.
#pragma once

namespace picocell {

// 0 base, 1 AVX2 (Haswell and later), 2 AVX-512 with BW, DQ, VL, VBMI (Ice Lake, Zen 4 and later).
inline int best_isa() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                      __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512vbmi");
    return avx512 ? 2 : avx2 ? 1 : 0;
#else
    return 0;
#endif
}

}  // namespace picocell
