#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "equalise_body.hpp"

namespace picocell {
const EqualiseOps& equalise_ops_avx2() {
    static const EqualiseOps ops{avx2::equalise_siso, avx2::equalise_sfbc, avx2::equalise_largest};
    return ops;
}
}  // namespace picocell
#endif
