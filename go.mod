module github.com/riverstones/riverstones

go 1.26.0
