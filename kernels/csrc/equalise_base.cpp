#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "equalise_body.hpp"

namespace picocell {
const EqualiseOps& equalise_ops_base() {
    static const EqualiseOps ops{base::equalise_siso, base::equalise_sfbc, base::equalise_largest};
    return ops;
}
}  // namespace picocell
