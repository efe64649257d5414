// Package expr evaluates the expressions that process models hold: conditions,
// `${…}` in attributes and parameters, and the two functions of parameter
// trees. It knows variables only through [Env], and neither scopes, nor the
// store, nor BPMN. The process runtime calls it, at deployment to compile and to
// list what a model refers to, and at run time to evaluate.
//
// # The language
//
// It is the part of JUEL, Java's Unified Expression Language, that models use:
// names of variables; 'x', "x", 5, 1.5, true, false, null; a.b, a['b'], a[0] on
// values of type json; * / % div mod, + -, < <= > >= lt le gt ge, == != eq ne,
// && and, || or, ! not, unary minus, empty, a ? b : c, parentheses, in JUEL's
// order of precedence. Besides, Flowable's functions on variables that may be
// missing: vars:get(x), null if it is; vars:getOrDefault(x, y); vars:exists(x);
// vars:eq, ne, lt, lte, gt and gte(x, y); vars:empty and notEmpty(x), with their
// long names too; the prefixes var and variables mean the same. Methods of Java
// objects are not supported. A text may mix expressions with literals (the
// result is a string) or be one expression (the result keeps its type). `#{`
// opens one too; `\${` is a literal dollar and brace.
//
// # The rules, as JUEL has them
//
//   - An unknown variable is an error; a variable that is null is none.
//   - A member of null, a member that an object lacks, and an index outside an
//     array are null. A member of anything but json is an error.
//   - In arithmetic null and "" are 0, and a string is read as a number: 'a' + 1
//     is an error, '1' + 2 is 3. Texts are joined by writing ${a}${b}.
//   - Short, integer and long calculate as long, 64 bits that wrap around; with
//     a double (or a string with point or exponent) as double; with a
//     bigInteger or bigDecimal without loss.
//   - The quotient of two integers is a double: 5 / 2 is 2.5. The quotient of a
//     big number keeps the places of the dividend, rounded half up.
//   - == converts the narrower operand: an integer 5 equals a long 5, a double
//     5.0 and '5'; 'true' equals true; null equals only null. To compare a
//     string that is no number with a number is an error.
//   - < and its like are false if one side is null; two strings compare as texts.
//   - null counts as false where a truth is needed, 'true' as true. A condition,
//     though, must give a boolean.
//   - empty holds for null, "", an empty array and an empty object.
//
// Where JUEL gives infinity or NaN (a division by zero), there is an error
// here, since no variable could hold the result.
//
// # How it works
//
// A front of our own reads the text and translates it for the library
// expr-lang/expr, which compiles it to byte code and runs it. Operators become
// calls of functions here, because the library's own have other rules for
// null, text, division and 64-bit numbers; of names in the text nothing reaches
// the library, so none of its keywords and built-ins can be met. A text that is
// nothing but a path, by far the most frequent, is evaluated without it.
// Length, nodes and depth are limited when a text is compiled, the bytes that it
// works on when it runs; there are no loops.
package expr
