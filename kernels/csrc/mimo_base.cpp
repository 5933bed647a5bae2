#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "mimo_body.hpp"

namespace picocell {
const MimoOps& mimo_ops_base() { return base::mimo_table; }
}  // namespace picocell
