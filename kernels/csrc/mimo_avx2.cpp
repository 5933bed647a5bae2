#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "mimo_body.hpp"

namespace picocell {
const MimoOps& mimo_ops_avx2() { return avx2::mimo_table; }
}  // namespace picocell
#endif
