"""The doctor: gradients, variances at the start, batches that leak, gradient noise, curvature."""
