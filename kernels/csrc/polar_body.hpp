// Body of the polar kernel, compiled once per instruction set.
#pragma once
#include "polar.hpp"
#include "ldpc_lanes.hpp"
#include "polar_bits.hpp"
#include "polar_plan.hpp"
#include "polar_load.hpp"
#include "polar_lanes.hpp"
#include "polar_sc.hpp"
#include "polar_paths.hpp"
#include "polar_nodes.hpp"
#include "polar_list.hpp"
#include "polar_decode.hpp"

namespace picocell::PICOCELL_NS {

inline const PolarOps& polar_make_ops() {
    static const PolarOps ops{polar_encode, polar_decoder_new, polar_decoder_free, polar_decode};
    return ops;
}

}  // namespace picocell::PICOCELL_NS
