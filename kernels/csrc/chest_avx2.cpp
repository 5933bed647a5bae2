#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "chest_body.hpp"

namespace picocell {
const ChestOps& chest_ops_avx2() {
    static const ChestOps ops{avx2::chest_observe, avx2::chest_interpolate};
    return ops;
}
}  // namespace picocell
#endif
