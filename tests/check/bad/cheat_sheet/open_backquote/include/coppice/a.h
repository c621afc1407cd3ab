/* SPDX-License-Identifier: MIT */
#ifndef COPPICE_A_H
#define COPPICE_A_H
int cop_answer(int question);
#endif
