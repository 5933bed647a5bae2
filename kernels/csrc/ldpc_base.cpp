#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "ldpc_body.hpp"

namespace picocell {
const LdpcOps& ldpc_ops_base() { return base::ldpc_make_ops(); }
}  // namespace picocell
