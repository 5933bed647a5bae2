#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "ulchest_body.hpp"

namespace picocell {
const UlchestOps& ulchest_ops_avx512() { return avx512::ulchest_table; }
}  // namespace picocell
#endif
