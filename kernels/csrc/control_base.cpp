#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "control_body.hpp"

namespace picocell {
const ControlOps& control_ops_base() {
    static const ControlOps ops{base::control_cfi, base::control_pdcch, base::control_phich};
    return ops;
}
}  // namespace picocell
