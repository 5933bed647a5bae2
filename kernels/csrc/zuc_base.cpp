#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "zuc_body.hpp"

namespace picocell {
const ZucOps& zuc_ops_base() {
    static const ZucOps ops{base::zuc_set_tables, base::zuc_apply, base::zuc_eea3, base::zuc_eia3};
    return ops;
}
}  // namespace picocell
