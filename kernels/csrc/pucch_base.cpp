#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "pucch_body.hpp"

namespace picocell {
const PucchOps& pucch_ops_base() { return base::pucch_table; }
}  // namespace picocell
