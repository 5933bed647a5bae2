#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "ulsch_body.hpp"

namespace picocell {
const UlschOps& ulsch_ops_base() { return base::ulsch_table; }
}  // namespace picocell
