// Scores of attention in the logarithm to base 2, softmaxes that are joined, and which positions a token attends to.
#pragma once
#include "functions.cuh"
#define LOG2_E 1.44269504088896341f

// What queries are multiplied with, and what their products with keys become: scores, capped where cap > 0.
DEV float query_factor(float scale, float cap) { return cap > 0.f ? scale / cap : scale * LOG2_E; }
DEV float score_of(float product, float cap) { return cap > 0.f ? cap * LOG2_E * tanhf(product) : product; }

// A token attends to itself and to what is before it; where window > 0, to so many positions, itself included.
DEV bool attends(int query, int key, int window) { return key <= query && (window <= 0 || query - key < window); }
DEV int first_attended(int query, int window) { return window > 0 ? max(0, query - window + 1) : 0; }
