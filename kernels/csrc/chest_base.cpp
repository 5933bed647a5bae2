#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "chest_body.hpp"

namespace picocell {
const ChestOps& chest_ops_base() {
    static const ChestOps ops{base::chest_observe, base::chest_interpolate};
    return ops;
}
}  // namespace picocell
