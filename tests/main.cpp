// SPDX-License-Identifier: MIT
// main.cpp - doctest's main, shared by the test programs.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
