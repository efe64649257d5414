package console

var letterTexts = map[string]words{
	"letter.dead":       {"Dead letters", "死信"},
	"letter.quarantine": {"Quarantine", "隔离区"},
	"letter.deadhint":   {"Commands that no worker could process. The task says what became of it; redrive runs it again.", "无法处理的命令。任务页说明其结果；重新投递会再次执行。"},
	"letter.holdhint":   {"Events that could not be recorded. They are kept for the operator and changed nothing.", "无法记录的事件。保留供运维查看，未改变任何状态。"},
	"letter.none":       {"There is none: all is well.", "没有：一切正常。"},
	"letter.time":       {"Time", "时间"},
	"letter.seq":        {"Number", "序号"},
	"letter.bytes":      {"%s bytes", "%s 字节"},
	"letter.content":    {"Content", "内容"},
	"letter.hidden":     {"Not shown, as it may hold secrets. SHA-256:", "可能含有机密，不予显示。SHA-256："},
	"letter.redrive":    {"To run it again:", "重新执行："},
}

var callbackTexts = map[string]words{
	"callback.none":    {"Nothing was to be told: tasks that are published with a callback, or by an orchestrator that is told, are shown here.", "没有回调：带回调发布的任务会显示在这里。"},
	"callback.replay":  {"Tell it again", "重新通知"},
	"callback.event":   {"Event", "事件"},
	"callback.ended":   {"ended", "已结束"},
	"callback.resumed": {"resumed", "已恢复"},
	"callback.to":      {"Told to", "通知地址"},
	"callback.state":   {"State", "状态"},
	"callback.due":     {"to be told", "待通知"},
	"callback.parked":  {"parked", "暂缓"},
	"callback.done":    {"told", "已通知"},
	"callback.givenUp": {"given up", "已放弃"},
	"callback.tries":   {"Tries", "次数"},
	"callback.next":    {"Next try", "下次尝试"},
	"callback.problem": {"Last problem", "最近问题"},

	"done.callback.replay": {"Its ends are told again.", "已重新通知。"},
}
