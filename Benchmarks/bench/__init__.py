# SPDX-License-Identifier: Apache-2.0
"""Petrel's benchmarks: each module named after what it measures or holds."""
