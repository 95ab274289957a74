// Model of the ECP5's 18 Kbit block RAM, from Lattice's memory usage guide for ECP5 (TN1264, FPGA-TN-02204).
//
// 2048 bytes of nine bits. An address counts bits at width 1, and its lower bits are not used at larger widths: at width 9
// AD13..AD3 are a byte's number. At 18 and 36 the lowest two and four are its bytes' write enables. At widths below 9 the
// ninth bits are out of reach. At 36 port A writes with DIB beside DIA, and port B reads with DOB above DOA.
//
// Where one port writes what the other reads in the same cycle the guide leaves open what is read. Here its odd bits are
// not what was there, and its even bits not what is written, so that a design which looks at it fails.
//
// Initial content, both reset modes, output registers, chip selects and inverted clocks are here. Write modes as in the
// guide: NORMAL leaves the output alone while the port writes, WRITETHROUGH shows the new and READBEFOREWRITE the old.

`default_nettype none

// What a port shows: a latch that takes what is read, and a register behind it if there is one.
module takt_ram_output #(
    parameter [127:0] REGMODE = "NOREG",
    parameter [127:0] RESETMODE = "SYNC"
) (
    input wire clk, oce, rst, update,
    input wire [35:0] next,
    output wire [35:0] q
);
  reg [35:0] latch, register;
  initial latch = 36'd0;
  initial register = 36'd0;
  assign q = REGMODE == "OUTREG" ? register : latch;

  generate
    if (RESETMODE == "ASYNC") begin : asynchronous
      always @(posedge clk or posedge rst)
        if (rst) latch <= 36'd0;
        else if (update) latch <= next;
      always @(posedge clk or posedge rst)
        if (rst) register <= 36'd0;
        else if (oce) register <= latch;
    end else begin : synchronous
      always @(posedge clk)
        if (rst) latch <= 36'd0;
        else if (update) latch <= next;
      always @(posedge clk)
        if (rst) register <= 36'd0;
        else if (oce) register <= latch;
    end
  endgenerate
endmodule

module DP16KD (
    input wire DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3,
        DIA2, DIA1, DIA0,
    input wire ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input wire CEA, OCEA, CLKA, WEA, RSTA,
    input wire CSA2, CSA1, CSA0,
    output wire DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4,
        DOA3, DOA2, DOA1, DOA0,
    input wire DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3,
        DIB2, DIB1, DIB0,
    input wire ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input wire CEB, OCEB, CLKB, WEB, RSTB,
    input wire CSB2, CSB1, CSB0,
    output wire DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4,
        DOB3, DOB2, DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  parameter [127:0] REGMODE_A = "NOREG";
  parameter [127:0] REGMODE_B = "NOREG";
  parameter [127:0] RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC";
  parameter [127:0] CSDECODE_A = "0b000";
  parameter [127:0] CSDECODE_B = "0b000";
  parameter [127:0] WRITEMODE_A = "NORMAL";
  parameter [127:0] WRITEMODE_B = "NORMAL";
  parameter [127:0] CLKAMUX = "CLKA";
  parameter [127:0] CLKBMUX = "CLKB";
  parameter GSR = "ENABLED";
  parameter INIT_DATA = "STATIC";
  parameter WID = 0;
  parameter [319:0] INITVAL_00 = 320'd0;
  parameter [319:0] INITVAL_01 = 320'd0;
  parameter [319:0] INITVAL_02 = 320'd0;
  parameter [319:0] INITVAL_03 = 320'd0;
  parameter [319:0] INITVAL_04 = 320'd0;
  parameter [319:0] INITVAL_05 = 320'd0;
  parameter [319:0] INITVAL_06 = 320'd0;
  parameter [319:0] INITVAL_07 = 320'd0;
  parameter [319:0] INITVAL_08 = 320'd0;
  parameter [319:0] INITVAL_09 = 320'd0;
  parameter [319:0] INITVAL_0A = 320'd0;
  parameter [319:0] INITVAL_0B = 320'd0;
  parameter [319:0] INITVAL_0C = 320'd0;
  parameter [319:0] INITVAL_0D = 320'd0;
  parameter [319:0] INITVAL_0E = 320'd0;
  parameter [319:0] INITVAL_0F = 320'd0;
  parameter [319:0] INITVAL_10 = 320'd0;
  parameter [319:0] INITVAL_11 = 320'd0;
  parameter [319:0] INITVAL_12 = 320'd0;
  parameter [319:0] INITVAL_13 = 320'd0;
  parameter [319:0] INITVAL_14 = 320'd0;
  parameter [319:0] INITVAL_15 = 320'd0;
  parameter [319:0] INITVAL_16 = 320'd0;
  parameter [319:0] INITVAL_17 = 320'd0;
  parameter [319:0] INITVAL_18 = 320'd0;
  parameter [319:0] INITVAL_19 = 320'd0;
  parameter [319:0] INITVAL_1A = 320'd0;
  parameter [319:0] INITVAL_1B = 320'd0;
  parameter [319:0] INITVAL_1C = 320'd0;
  parameter [319:0] INITVAL_1D = 320'd0;
  parameter [319:0] INITVAL_1E = 320'd0;
  parameter [319:0] INITVAL_1F = 320'd0;
  parameter [319:0] INITVAL_20 = 320'd0;
  parameter [319:0] INITVAL_21 = 320'd0;
  parameter [319:0] INITVAL_22 = 320'd0;
  parameter [319:0] INITVAL_23 = 320'd0;
  parameter [319:0] INITVAL_24 = 320'd0;
  parameter [319:0] INITVAL_25 = 320'd0;
  parameter [319:0] INITVAL_26 = 320'd0;
  parameter [319:0] INITVAL_27 = 320'd0;
  parameter [319:0] INITVAL_28 = 320'd0;
  parameter [319:0] INITVAL_29 = 320'd0;
  parameter [319:0] INITVAL_2A = 320'd0;
  parameter [319:0] INITVAL_2B = 320'd0;
  parameter [319:0] INITVAL_2C = 320'd0;
  parameter [319:0] INITVAL_2D = 320'd0;
  parameter [319:0] INITVAL_2E = 320'd0;
  parameter [319:0] INITVAL_2F = 320'd0;
  parameter [319:0] INITVAL_30 = 320'd0;
  parameter [319:0] INITVAL_31 = 320'd0;
  parameter [319:0] INITVAL_32 = 320'd0;
  parameter [319:0] INITVAL_33 = 320'd0;
  parameter [319:0] INITVAL_34 = 320'd0;
  parameter [319:0] INITVAL_35 = 320'd0;
  parameter [319:0] INITVAL_36 = 320'd0;
  parameter [319:0] INITVAL_37 = 320'd0;
  parameter [319:0] INITVAL_38 = 320'd0;
  parameter [319:0] INITVAL_39 = 320'd0;
  parameter [319:0] INITVAL_3A = 320'd0;
  parameter [319:0] INITVAL_3B = 320'd0;
  parameter [319:0] INITVAL_3C = 320'd0;
  parameter [319:0] INITVAL_3D = 320'd0;
  parameter [319:0] INITVAL_3E = 320'd0;
  parameter [319:0] INITVAL_3F = 320'd0;

  localparam [2:0] SELECT_A = {CSDECODE_A[16], CSDECODE_A[8], CSDECODE_A[0]};
  localparam [2:0] SELECT_B = {CSDECODE_B[16], CSDECODE_B[8], CSDECODE_B[0]};
  wire [17:0] dia = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
      DIA1, DIA0};
  wire [13:0] ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire clka = CLKAMUX == "INV" ? ~CLKA : CLKA;
  wire ona = CEA & ({CSA2, CSA1, CSA0} == SELECT_A);
  wire [17:0] dib = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
      DIB1, DIB0};
  wire [13:0] adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire clkb = CLKBMUX == "INV" ? ~CLKB : CLKB;
  wire onb = CEB & ({CSB2, CSB1, CSB0} == SELECT_B);

  reg [8:0] bytes[0:2047]; // both ports write it: a simulator may warn of two clocks

  // Sixteen words of 18 bits, each with two unused bits above it, make an INITVAL.
  localparam [20479:0] INIT = {
      INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
      INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
      INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
      INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
      INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
      INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
      INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
      INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
  };
  integer n;
  initial
    for (n = 0; n < 2048; n = n + 1) bytes[n] = INIT[(n >> 1)*20+(n & 1)*9+:9];

  // Bytes of a port's word, and the first of them; a port narrower than a byte has a part of one.
  localparam COUNT_A = DATA_WIDTH_A < 9 ? 1 : DATA_WIDTH_A / 9;
  localparam COUNT_B = DATA_WIDTH_B < 9 ? 1 : DATA_WIDTH_B / 9;
  wire [10:0] firsta = ada[13:3] & ~(11'(COUNT_A) - 11'd1);
  wire [10:0] firstb = adb[13:3] & ~(11'(COUNT_B) - 11'd1);

  // Bit enables and data of four bytes, from the port's first on. Narrow data stand at every place they could be for.
  function [35:0] spread(input integer width, input [35:0] data);
    case (width)
      1: spread = {4{1'b0, {8{data[0]}}}};
      2: spread = {4{1'b0, {4{data[1:0]}}}};
      4: spread = {4{1'b0, {2{data[3:0]}}}};
      default: spread = data;
    endcase
  endfunction

  function [35:0] enables(input integer width, input [13:0] address);
    case (width)
      1: enables = 36'd1 << address[2:0];
      2: enables = 36'd3 << {address[2:1], 1'b0};
      4: enables = 36'd15 << {address[2], 2'b00};
      9: enables = 36'h1FF;
      18: enables = {18'd0, {9{address[1]}}, {9{address[0]}}};
      default: enables = {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}};
    endcase
  endfunction

  // What a port shows of the four bytes from its first on.
  function [35:0] shown(input integer width, input [13:0] address, input [35:0] data);
    case (width)
      1: shown = {35'd0, data[address[2:0]]};
      2: shown = {34'd0, data[{address[2:1], 1'b0}+:2]};
      4: shown = {32'd0, data[{address[2], 2'b00}+:4]};
      9: shown = {27'd0, data[8:0]};
      18: shown = {18'd0, data[17:0]};
      default: shown = data;
    endcase
  endfunction

  wire [35:0] bita = enables(DATA_WIDTH_A, ada) & {36{ona & WEA & ~(RSTA & RESETMODE == "SYNC")}};
  wire [35:0] bitb = enables(DATA_WIDTH_B, adb) & {36{onb & WEB & ~(RSTB & RESETMODE == "SYNC")}};
  wire [35:0] newa = spread(DATA_WIDTH_A, {dib, dia});
  wire [35:0] newb = spread(DATA_WIDTH_B, {18'd0, dib});
  wire [35:0] olda = {bytes[firsta|11'd3], bytes[firsta|11'd2], bytes[firsta|11'd1], bytes[firsta]};
  wire [35:0] oldb = {bytes[firstb|11'd3], bytes[firstb|11'd2], bytes[firstb|11'd1], bytes[firstb]};


  // Of four bytes from ``first`` on the bits that the other port writes in this cycle, or what it writes there.
  function [35:0] met(input [10:0] first, input [10:0] other, input [35:0] bits);
    integer i, j;
    begin
      met = 36'd0;
      for (i = 0; i < 4; i = i + 1)
        for (j = 0; j < 4; j = j + 1)
          if ((first | 11'(i)) == (other | 11'(j))) met[i*9+:9] = met[i*9+:9] | bits[j*9+:9];
    end
  endfunction

  localparam [35:0] ODD = 36'hAAAAAAAAA;

  function [35:0] read(input [35:0] old, input [35:0] written, input [35:0] clash);
    read = (old & ~clash) | (clash & ((~old & ODD) | (~written & ~ODD)));
  endfunction

  wire [35:0] clasha = met(firsta, firstb, bitb);
  wire [35:0] writtena = met(firsta, firstb, bitb & newb);
  wire [35:0] founda = read(olda, writtena, clasha);
  wire [35:0] seena = WRITEMODE_A == "WRITETHROUGH" ? (founda & ~bita) | (newa & bita) : founda;
  wire [35:0] outa;
  takt_ram_output #(.REGMODE(REGMODE_A), .RESETMODE(RESETMODE)) outputa (.clk(clka), .oce(OCEA), .rst(RSTA),
      .update(ona & (~WEA | (WRITEMODE_A != "NORMAL"))), .next(shown(DATA_WIDTH_A, ada, seena)), .q(outa));
  wire [35:0] clashb = met(firstb, firsta, bita);
  wire [35:0] writtenb = met(firstb, firsta, bita & newa);
  wire [35:0] foundb = read(oldb, writtenb, clashb);
  wire [35:0] seenb = WRITEMODE_B == "WRITETHROUGH" ? (foundb & ~bitb) | (newb & bitb) : foundb;
  wire [35:0] outb;
  takt_ram_output #(.REGMODE(REGMODE_B), .RESETMODE(RESETMODE)) outputb (.clk(clkb), .oce(OCEB), .rst(RSTB),
      .update(onb & (~WEB | (WRITEMODE_B != "NORMAL"))), .next(shown(DATA_WIDTH_B, adb, seenb)), .q(outb));

  integer k;
  always @(posedge clka)
    for (k = 0; k < 4; k = k + 1)
      if (|bita[k*9+:9])
        bytes[firsta|11'(k)] <= (olda[k*9+:9] & ~bita[k*9+:9]) | (newa[k*9+:9] & bita[k*9+:9]);

  integer l;
  always @(posedge clkb)
    for (l = 0; l < 4; l = l + 1)
      if (|bitb[l*9+:9])
        bytes[firstb|11'(l)] <= (oldb[l*9+:9] & ~bitb[l*9+:9]) | (newb[l*9+:9] & bitb[l*9+:9]);

  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
      DOA1, DOA0}
      = DATA_WIDTH_B == 36 ? outb[17:0] : outa[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
      DOB1, DOB0}
      = DATA_WIDTH_B == 36 ? outb[35:18] : outb[17:0];
endmodule

`default_nettype wire
