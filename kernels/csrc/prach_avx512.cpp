#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "prach_body.hpp"

namespace picocell {
const PrachOps& prach_ops_avx512() { return avx512::prach_table; }
}  // namespace picocell
#endif
