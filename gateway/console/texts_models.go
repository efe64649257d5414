package console

// modelTexts are those of models and deployments.
var modelTexts = map[string]words{}
