package console

var overviewTexts = map[string]words{
	"overview.waiting":    {"Commands waiting", "等待的命令"},
	"overview.running":    {"Tasks running", "执行中的任务"},
	"overview.failed":     {"Failed in 24 hours", "24 小时内失败"},
	"overview.letters":    {"Dead letters", "死信"},
	"overview.workers":    {"Live workers", "在线工作者"},
	"overview.silent":     {"%s silent", "%s 个失联"},
	"overview.oldest":     {"Oldest waiting since", "最早等待起始"},
	"overview.chart":      {"Tasks of the last hour, by when they were made", "最近一小时的任务（按创建时间）"},
	"overview.made":       {"made: %s", "创建：%s"},
	"overview.ofthem":     {"of them failed: %s", "其中失败：%s"},
	"overview.bar":        {"from %s: %s made, %s failed", "%s 起：创建 %s，失败 %s"},
	"overview.quiet":      {"No task was made in the last hour.", "最近一小时没有创建任务。"},
	"overview.failures":   {"Failed last", "最近失败"},
	"overview.nofailures": {"No task of the last 24 hours has failed.", "最近 24 小时内没有失败的任务。"},
	"overview.stones":     {"Where most is waiting", "积压最多的石头"},
	"overview.nostones":   {"No stone is known yet: start a worker.", "尚无石头：请启动一个工作者。"},
	"overview.health":     {"Health", "健康状况"},
	"overview.ready":      {"All parts work.", "各部分工作正常。"},
	"overview.notready":   {"Something does not work.", "有部件工作异常。"},
	"overview.ok":         {"works", "正常"},
}
