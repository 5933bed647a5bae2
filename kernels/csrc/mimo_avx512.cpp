#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "mimo_body.hpp"

namespace picocell {
const MimoOps& mimo_ops_avx512() { return avx512::mimo_table; }
}  // namespace picocell
#endif
