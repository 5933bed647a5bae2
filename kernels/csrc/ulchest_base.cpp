#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "ulchest_body.hpp"

namespace picocell {
const UlchestOps& ulchest_ops_base() { return base::ulchest_table; }
}  // namespace picocell
