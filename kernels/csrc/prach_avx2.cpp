#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "prach_body.hpp"

namespace picocell {
const PrachOps& prach_ops_avx2() { return avx2::prach_table; }
}  // namespace picocell
#endif
