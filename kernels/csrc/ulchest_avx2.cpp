#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "ulchest_body.hpp"

namespace picocell {
const UlchestOps& ulchest_ops_avx2() { return avx2::ulchest_table; }
}  // namespace picocell
#endif
