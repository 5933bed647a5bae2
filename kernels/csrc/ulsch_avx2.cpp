#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "ulsch_body.hpp"

namespace picocell {
const UlschOps& ulsch_ops_avx2() { return avx2::ulsch_table; }
}  // namespace picocell
#endif
