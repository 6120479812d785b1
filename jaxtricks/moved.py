"""Names that stood at the top of the package until 0.1, and the namespace in which each is now; they go in the next release."""

_MOVED = {
    "data": "Augmentation Vocabulary adding_problem copy_problem pixels",
    "diagnose": """
        BatchDependence GradientCheck NoiseScale VarianceProfile batch_dependence check_gradient gradient_noise_scale
        variance_profile
    """,
    "evaluate": "Decision Ensemble EnsembleReport Fitted Greedy Study TopK Writer verdicts",
    "experiment": "ByClass ByLength Contiguous FixedOrder Inputs Order Raw Reshuffled Standardize Unit",
    "extend": "Family Method Problem Validation catalogue trick",
    "losses": "CrossEntropy ElasticNet Gaussian Hinge Laplace Loss PerMaxLength PerToken Prior Reduction Squared Summed",
    "metrics": "bits_per_character",
    "models": "Combine ConcatLayers LastLayer SumLayers fold",
    "nn": """
        Activation AdaptiveSoftmax BatchNorm Cell ELU FullSoftmax GEGLU GELU GRU GlorotNormal GlorotUniform GroupNorm
        HeNormal HeUniform HierarchicalSoftmax InitialState Initializer InputBatchNorm Inverted LSTM LSUV LayerNorm
        LeakyReLU LearnedState LecunNormal Maxout NCE NoisyBatchNorm NoisyState Normal Normalization Orthogonal RandomSign
        ReLU RecurrentBatchNorm RecurrentLayerNorm RecurrentNormalization SampledSoftmax Sigmoid Softmax SwiGLU Swish Tanh
        TanhCell TestScaled TorchDefault Uniform Variational ZeroState Zoneout
    """,
    "optim": """
        AMSGrad AdaGrad AdamUncorrected Averaging Decay Decoupled DiscriminativeRates EMA GaussNewton Independent L2 LAMB
        LBFGS LatestAverage LayerRates LearntClip Lion Lookahead Muon Nesterov Newton QuantileClip RAdam RMSProp Rates Rule
        SWA ScheduleFree Trajectory minimize
    """,
    "schedules": """
        Constant Cosine InverseSqrt Linear OneCycle Plateau Restarts RobbinsMonro Schedule Step Trapezoid WarmupCosine
    """,
}

MOVED = {name: f"{place}.{name}" for place, names in _MOVED.items() for name in names.split()}
