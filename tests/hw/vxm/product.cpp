// Streams operations through one pipe of the VXM: another operation and a row of 16 lanes in every cycle.
//
// Standard input: the pipe's stages and the number of rows (32 bits each), then of every row the opcode, the mode, and
// the operands, 16 of `a` and 16 of `b` (32 bits each). Standard output: the results of every row, 32 bits each.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

constexpr int LANES = 16;
constexpr int ROW = 2 + 2 * LANES;

static Vtop top;

static void take(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, stdin) != bytes) std::exit(2);
}

int main() {
    uint32_t stages, rows;
    take(&stages, sizeof stages);
    take(&rows, sizeof rows);
    std::vector<uint32_t> given(ROW * size_t(rows));
    take(given.data(), given.size() * sizeof(uint32_t));
    top.rst = 0;
    // An operation is named in the cycle before its operands.
    for (uint32_t cycle = 0; cycle < rows + stages; cycle++) {
        const uint32_t* named = &given[ROW * size_t(cycle < rows ? cycle : rows - 1)];
        const uint32_t* row = &given[ROW * size_t(cycle == 0 ? 0 : cycle <= rows ? cycle - 1 : rows - 1)];
        top.port___05Fstart = cycle > 0 && cycle <= rows;
        top.port___05Fopcode = named[0];
        top.port___05Fmode = named[1];
        for (int lane = 0; lane < LANES; lane++) {
            top.port___05Fa[lane] = row[2 + lane];
            top.port___05Fb[lane] = row[2 + LANES + lane];
        }
        top.clk = 0;
        top.eval();
        if (cycle >= stages) std::fwrite(&top.port___05Fresult[0], sizeof(uint32_t), LANES, stdout);
        top.clk = 1;
        top.eval();
    }
    return 0;
}
