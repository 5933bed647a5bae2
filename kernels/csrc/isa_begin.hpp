// Included first by every <kernel>_<isa>.cpp, with PICOCELL_ISA_LEVEL defined as 0 (base), 1 (avx2) or 2 (avx512).
// Standard headers come before the target pragma, so that no inline function of theirs is compiled for an
// instruction set that the machine may lack. Bodies live in namespace picocell::PICOCELL_NS.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if PICOCELL_ISA_LEVEL == 2
#define PICOCELL_NS avx512
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx2,fma,bmi,bmi2,lzcnt,popcnt,f16c,prefer-vector-width=512")
#define PICOCELL_VECTOR_BYTES 64
#elif PICOCELL_ISA_LEVEL == 1
#define PICOCELL_NS avx2
#pragma GCC target("avx2,fma,bmi,bmi2,lzcnt,popcnt,f16c")
#define PICOCELL_VECTOR_BYTES 32
#else
#define PICOCELL_NS base
#define PICOCELL_VECTOR_BYTES 16
#endif
