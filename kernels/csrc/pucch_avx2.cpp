#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "pucch_body.hpp"

namespace picocell {
const PucchOps& pucch_ops_avx2() { return avx2::pucch_table; }
}  // namespace picocell
#endif
