#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "pilots_body.hpp"

namespace picocell {
const PilotsOps& pilots_ops_base() {
    static const PilotsOps ops{base::pilots_turns};
    return ops;
}
}  // namespace picocell
