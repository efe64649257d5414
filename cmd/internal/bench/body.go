package bench

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	paramsSize = 1024 // bytes of each task's params, as the goals say
	perProcess = 50   // tasks of one process instance
	digits     = 9    // of a number: enough for maxTasks
)

// body is a whole request of n tasks, made once. Only the numbers in it change
// from one POST to the next, so that publishing costs next to nothing.
type body struct {
	request   []byte
	tasks     []int // where the number of each task stands
	processes []int // where the number of its process stands
}

func taskPrefix(tag string) string { return "bench-" + tag + "-" }

func stoneCode(i int) string { return fmt.Sprintf("BenchStone%02d", i) }

// newBody makes the request of n tasks whose ids begin with prefix.
func newBody(prefix string, n, stones int) *body {
	b := &body{}
	var json bytes.Buffer
	zeros := strings.Repeat("0", digits)
	if n > 1 {
		json.WriteByte('[')
	}
	for i := range n {
		if i > 0 {
			json.WriteByte(',')
		}
		fmt.Fprintf(&json, `{"processInstanceId":"%sp%s`, prefix, zeros)
		b.processes = append(b.processes, json.Len())
		fmt.Fprintf(&json, `","taskId":"%s%s`, prefix, zeros)
		b.tasks = append(b.tasks, json.Len())
		fmt.Fprintf(&json, `","name":"bench","namespace":"bench","stone":"%s","params":%s}`, stoneCode(i%stones), params())
	}
	if n > 1 {
		json.WriteByte(']')
	}
	b.finish("POST /task", json.Bytes())
	return b
}

// finish puts the head before the JSON.
func (b *body) finish(what string, json []byte) {
	head := head(what, len(json))
	for i := range b.tasks {
		b.tasks[i] += len(head)
	}
	for i := range b.processes {
		b.processes[i] += len(head)
	}
	b.request = append([]byte(head), json...)
}

// head is that of a request with a JSON body of that size.
func head(what string, size int) string {
	return fmt.Sprintf("%s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", what, size)
}

// number gives the tasks the numbers from first on.
func (b *body) number(first int) []byte {
	for i := range b.tasks {
		write(b.request[:b.tasks[i]], first+i)
	}
	for i := range b.processes {
		write(b.request[:b.processes[i]], (first+i)/perProcess)
	}
	return b.request
}

// write puts n into the last digits of b.
func write(b []byte, n int) {
	for i := range digits {
		b[len(b)-1-i] = byte('0' + n%10)
		n /= 10
	}
}

// params is an object of paramsSize bytes.
func params() string {
	head := `{"regionId":"701","count":12345678901234567890,"tags":[{"Key":"from","Value":"bench"}],"template":"`
	return head + strings.Repeat("0123456789abcdef", paramsSize)[:paramsSize-len(head)-2] + `"}`
}
