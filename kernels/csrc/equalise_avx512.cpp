#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "equalise_body.hpp"

namespace picocell {
const EqualiseOps& equalise_ops_avx512() {
    static const EqualiseOps ops{avx512::equalise_siso, avx512::equalise_sfbc, avx512::equalise_largest};
    return ops;
}
}  // namespace picocell
#endif
