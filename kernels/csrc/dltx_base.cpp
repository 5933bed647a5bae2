#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "dltx_body.hpp"

namespace picocell {
const DltxOps& dltx_ops_base() { return base::dltx_table; }
}  // namespace picocell
