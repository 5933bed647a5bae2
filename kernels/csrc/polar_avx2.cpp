#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "polar_body.hpp"

namespace picocell {
const PolarOps& polar_ops_avx2() { return avx2::polar_make_ops(); }
}  // namespace picocell
#endif
