#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "zuc_body.hpp"

namespace picocell {
const ZucOps& zuc_ops_avx512() {
    static const ZucOps ops{avx512::zuc_set_tables, avx512::zuc_apply, avx512::zuc_eea3, avx512::zuc_eia3};
    return ops;
}
}  // namespace picocell
#endif
