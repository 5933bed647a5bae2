#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "zuc_body.hpp"

namespace picocell {
const ZucOps& zuc_ops_avx2() {
    static const ZucOps ops{avx2::zuc_set_tables, avx2::zuc_apply, avx2::zuc_eea3, avx2::zuc_eia3};
    return ops;
}
}  // namespace picocell
#endif
