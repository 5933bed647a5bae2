#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "prach_body.hpp"

namespace picocell {
const PrachOps& prach_ops_base() { return base::prach_table; }
}  // namespace picocell
