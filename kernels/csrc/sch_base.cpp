#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "sch_body.hpp"

namespace picocell {
const SchOps& sch_ops_base() { return base::sch_make_ops(); }
}  // namespace picocell
